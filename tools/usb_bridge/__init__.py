"""A unit's IP flows through the computer it hangs on: `plugtone usb-bridge` (docs/usb-bridge.md)."""
