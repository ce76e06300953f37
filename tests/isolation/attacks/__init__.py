"""A process package whose processes attack: each says ``open`` or ``blocked`` with what it saw.

``facts`` is JSON about the victim that an attacker could know or guess: paths, process ids, addresses.
"""
