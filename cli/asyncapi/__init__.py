"""`checkout asyncapi`: the AsyncAPI document, and the page about topics."""
