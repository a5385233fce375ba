document.querySelector("#status").textContent = "Ready";
