"""The values that parts exchange: frozen, closed, without behaviour that reaches outside."""
