"""A server's start: what is chosen and given (`decision`, `grants`), *refused* before anything is made (`refusals`), or *failed* afterwards (`failures`)."""
