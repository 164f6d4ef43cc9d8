"""How a decided fact becomes durable and known; and the ids for it. Imports no area."""
