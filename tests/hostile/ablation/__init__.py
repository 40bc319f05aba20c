"""What each protection is worth: attacks with it in place, and with it taken away in the test."""
