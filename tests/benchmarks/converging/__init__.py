"""The ablation of the loop: the naive one against ours, each on its own real answers."""
