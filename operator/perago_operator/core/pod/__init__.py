"""Pods: what of them the operator reads and what that means, how one is made, what a template may change in it."""
