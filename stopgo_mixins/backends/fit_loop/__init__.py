"""What plain Lightning and NeMo share: the fit loop of Lightning's trainer, which runs both."""
