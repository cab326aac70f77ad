"""The HTTP server: uvicorn behind limits, for the API and for the health pages of workers."""
