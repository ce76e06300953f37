"""What the rooms promise each other: Protocols and their small types, nothing that runs."""
