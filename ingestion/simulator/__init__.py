"""A made shop: visitors, visits, orders and faults whose truth is known, sent as events of `simulator`."""
