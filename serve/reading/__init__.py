"""Reads that every area shares: skeleton, hydrate, rules, render; caches, and what Redis may lack.

Imports no area of `serve`.
"""
