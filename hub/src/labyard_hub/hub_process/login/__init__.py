"""How people sign in: with the identity store, or at an identity provider."""
