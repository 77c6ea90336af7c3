"""The Kubernetes API of Perago: the two resources, their words, and the CRDs generated from them."""
