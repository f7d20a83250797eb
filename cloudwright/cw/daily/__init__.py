"""The plain tongue: words for what people do every day, each a few calls of the API."""
