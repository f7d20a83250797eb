"""The schema's history. A new database is made whole from the tables; an older one is brought along step by step.

Each step expands before a later one contracts, so that the server before it still runs on the new schema, and can be rolled back.
"""

HEAD = "0001"
SCRIPTS = "cloudwright:migrations"
