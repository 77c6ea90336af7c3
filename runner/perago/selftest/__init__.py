"""Tasks that show whether an installation works, for `helm test`. Every runner image has them."""
