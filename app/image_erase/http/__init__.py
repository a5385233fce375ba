"""What any HTTP server needs: the protocol, middleware, request bodies, ranges and addresses."""
