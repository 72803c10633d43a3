"""The rules of the service: values in, values out; nothing here touches files, sockets or clocks."""
