"""What the tiers share: real stores started once per run, and builders."""
