"""The system as it ships, over HTTP: does it work?"""
