"""`cw`, the command line: a client of the API that knows of a server only what the server tells.

Nothing here imports another part of Cloudwright, so that it installs and runs by itself. What only some commands need
(`http.client`, `yaml`, `jmespath`, `prompt_toolkit`) is imported where it is used: starting takes a few hundredths of a second.
"""
