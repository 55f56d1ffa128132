"""The bench: a Docker engine, images, a registry and a customer's server, on which a package is deployed for real."""
