#!/bin/bash
exec /usr/lib/identity-runtime /opt/keycloak/lib/stand-in/main.js "$@"
