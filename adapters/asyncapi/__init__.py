"""What is published about our messages: their schemas, the topics and the AsyncAPI document."""
