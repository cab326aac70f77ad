"""Bodies of requests as callers send them, for the documents of HTTP and Kafka. Tests parse them."""

from __future__ import annotations

from typing import Any

BASKET_ID = "basket-0198c5a2-7f00-7c3e-9a51-3a5de7f0c101"
ITEM_ID = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c102"

_INITIATE_REQUEST = {
    "order": {
        "orderItems": [{"offer": {"id": "o-1", "version": "v-1"}, "quantity": 1, "type": "offer"}],
        "external_id": "EXT-ORD-12345",
        "country": "GB",
        "currency": "GBP",
        "source": "shop",
        "order_type": "new",
        "tracking": {"offers": ["/offers/weekly"], "purchaseCountryCode": "GB"},
        "customFields": {},
        "dataSubject": "p-48213",
    }
}
_LIMIO_REQUEST = {
    "order": {
        "checkoutId": BASKET_ID,
        "orderItems": [
            {
                "id": ITEM_ID,
                "offer": {"id": "o-1", "version": "v-1", "name": "Weekly paper", "path": "/offers/weekly"},
                "type": "offer",
                "expectedPrice": {"amount": "10.00", "currency": "GBP", "interval": "P1M"},
            },
            {"offer": {"id": "a-7", "version": "v-3"}, "quantity": 2, "type": "add_on", "parentId": ITEM_ID},
        ],
        "currency": "GBP",
        "tracking": {"campaign": "/pages/autumn", "tag": "/tags/reseller", "purchaseCountryCode": "GB"},
        "customerDetails": {"firstName": "Grace", "lastName": "Hopper", "email": "grace@example.org"},
        "billingDetails": {"address1": "1 Example Street", "city": "London", "postalCode": "EC1A 1BB", "country": "GB"},
        "deliveryDetails": {"firstName": "Ada", "city": "Galway", "country": "IE"},
    }
}
_DETAILS_REQUEST = {
    "order": {"checkoutId": BASKET_ID, "customerDetails": {"firstName": "Grace", "email": "grace@example.org"}}
}
_ALL_DETAILS = {
    "external_id": "EXT-ORD-12345",
    "country": "IE",
    "currency": "EUR",
    "source": None,
    "order_type": "new",
    "tracking": {"campaign": "/pages/autumn"},
    "customFields": {"crm_id": "C-77"},
    "dataSubject": "p-48213",
    "customerDetails": {"firstName": "Grace", "email": "grace@example.org"},
    "billingDetails": {"city": "London", "country": "GB"},
    "deliveryDetails": {"city": "Galway", "country": "IE"},
}
_ACTIONS: dict[str, list[dict[str, Any]]] = {
    "Add an offer, and change the quantity of a line": [
        {"orderItemActionType": "add", "offer": {"id": "o-2", "version": "v-1"}, "quantity": 1, "type": "offer"},
        {"orderItemActionType": "change_quantity", "id": ITEM_ID, "quantity": 3},
    ],
    "Remove a line": [{"orderItemActionType": "remove", "id": ITEM_ID}],
    "Put another version into a line": [
        {"orderItemActionType": "swap", "id": ITEM_ID, "offer": {"id": "o-1", "version": "v-2"}, "quantity": 2}
    ],
    "Begin again: remove all lines and add one": [
        {"orderItemActionType": "clear"},
        {"orderItemActionType": "add", "offer": {"id": "o-2", "version": "v-1"}, "quantity": 1},
    ],
    "Set the country, and remove the source": [
        {"orderItemActionType": "update_details", "order": {"country": "IE", "currency": "EUR", "source": None}}
    ],
    "Set details, and leave the lines alone": [{"orderItemActionType": "update_details", "order": _ALL_DETAILS}],
    "Accept a changed price": [
        {
            "orderItemActionType": "expect_price",
            "id": ITEM_ID,
            "expectedPrice": {"amount": "12.00", "currency": "GBP", "interval": None},
        }
    ],
    "Change a quantity at a known price": [
        {
            "orderItemActionType": "change_quantity",
            "id": ITEM_ID,
            "quantity": 3,
            "expectedPrice": {"amount": "12.00", "currency": "GBP"},
        }
    ],
}
_UPDATE_REQUESTS = {title: {"orderItemActions": actions} for title, actions in _ACTIONS.items()}
_CANCEL_REQUEST = {"reason": {"code": "customer_left", "text": "The customer chose another offer."}}

REQUEST_BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "initiate": {
        "Create a basket": _INITIATE_REQUEST,
        "A gift with an add-on, as clients of Limio send it": _LIMIO_REQUEST,
        "Change details, and leave the lines alone": _DETAILS_REQUEST,
    },
    "update": _UPDATE_REQUESTS,
    "cancel": {"Cancel a basket": _CANCEL_REQUEST},
}
"""The bodies of each call that takes one, by their titles."""
