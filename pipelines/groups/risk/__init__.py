"""The risk that a living group is dead within weeks, learnt from earlier silences of groups."""
