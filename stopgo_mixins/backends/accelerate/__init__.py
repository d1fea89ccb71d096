"""Accelerate: a loop of one's own, with the methods of its Accelerator listened to."""
