"""The oracle: what everybody must see, from what was acknowledged; in sets and lists, for every tier that compares.

`oracle` holds the facts and the rules, `comparison` says how a shown list differs from them, `answers` what calls that
got no answer leave open, `trends` what must trend.
"""
