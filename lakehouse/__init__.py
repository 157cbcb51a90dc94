"""What holds the rooms of the lakehouse together: settings, servers, gateway, command line."""
