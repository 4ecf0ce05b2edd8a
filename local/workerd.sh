#!/bin/sh
# Starts workerd deaf to Ctrl-C and to a closing terminal, which send their signals to every
# process on it: when to stop, and what may finish first, is for the server above to say.
trap '' INT HUP
exec "$WORKERD_BINARY" "$@"
