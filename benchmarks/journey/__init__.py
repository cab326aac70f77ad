"""Plays the whole completejourney data set (MIT) against the service: 92,331 real products as offers, a year of real
prices, and the stores as partner organisations with their baskets.

    pip install -e '.[benchmark,embedded]'
    python -m benchmarks.journey --help
"""
