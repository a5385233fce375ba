"""What any careful HTTP server needs: the protocol, the layers around every request, bodies, ranges, addresses."""
