"""How likely a living group is to be dead within weeks, learnt from how groups went silent before."""
