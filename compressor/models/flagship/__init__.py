"""The flagship: lapped transform, transform networks, hyperprior, and context in eleven passes."""
