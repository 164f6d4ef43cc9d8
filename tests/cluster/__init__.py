"""A local Ray and real stores, killed on purpose: does it recover?"""
