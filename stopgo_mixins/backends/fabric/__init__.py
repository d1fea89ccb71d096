"""Lightning Fabric: a loop of one's own, with its methods listened to."""
