"""Plain classes, no Ray and no store: does it decide rightly?"""
