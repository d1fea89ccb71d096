"""The Lightning backend on the digits: which cells resume exactly, and what Lightning itself gets wrong."""
