"""People who visit a server that is not theirs: a project's, or a colleague's whose tool is shared with them."""
