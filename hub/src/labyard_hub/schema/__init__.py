"""Tables of the labyard service's database, and the migrations between their versions."""
