"""The client kit of partner checkout: baskets over HTTP, events, verdicts and orders over Kafka."""
