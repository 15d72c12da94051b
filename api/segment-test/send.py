"""Sends one visitor's story with Segment's own Python client. Only the host is not
Segment's. cmd/millrace/segment_test.go starts this and reads the events back."""

import os
import sys
from datetime import datetime, timedelta, timezone

from segment.analytics.client import Client

failures = []
client = Client(
    "a-key-from-segment",
    host=os.environ["BASE_URL"],
    gzip=True,
    max_retries=0,
    upload_size=4,
    on_error=lambda error, items: failures.append(str(error)),
)

user_agent = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.6 Mobile/15E148 Safari/604.1"
)
client.page(
    anonymous_id="python-visitor",
    category="Docs",
    name="Pricing",
    properties={"url": "https://shop.example/pricing?utm_source=news&utm_campaign=spring", "path": "/pricing"},
    context={
        "userAgent": user_agent,
        "ip": "203.0.113.7",
        "locale": "en-IN",
        "page": {"path": "/pricing", "referrer": "https://www.google.com/"},
        "screen": {"width": 390},
    },
)
client.track(anonymous_id="python-visitor", event="view", properties={"product_id": "p1"})
client.identify("python-user", {"plan": "pro", "email": "a@example.com"}, anonymous_id="python-visitor")
client.track(anonymous_id="python-visitor", event="add_to_cart", properties={"product_id": "p1"})
client.track(
    "python-user",
    "purchase",
    {"amount": 499.5, "currency": "INR", "product_id": "p1", "items": [{"sku": "x", "note": 'naïve "quotes" \u2603'}]},
    context={
        "campaign": {"name": "spring", "source": "news", "medium": "email"},
        "app": {"version": "3.1"},
        "os": {"name": "iOS", "version": "17.6"},
    },
    timestamp=datetime.now(timezone.utc) - timedelta(minutes=1),
    message_id="python-purchase-1",
)
client.screen("python-user", name="Cart", properties={"items": 1}, context={"device": {"type": "ios", "model": "iPhone15,4"}})
client.group("python-user", "acme", {"employees": 42})
client.alias("python-user", "python-user-renamed")
client.track("python-user", "logout")

client.shutdown()
print({"failures": failures})
sys.exit(1 if failures else 0)
