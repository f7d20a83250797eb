"""Directories: LDAP servers and Microsoft Active Directory. See docs/notes/0012-directories.md."""
