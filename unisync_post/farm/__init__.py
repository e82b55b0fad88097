"""Jobs on many machines: one neutral plan, pilots that lease its shots, and what each farm needs.

There is no scheduler here. The job folder on shared storage says what is done; leases in it say who
is at what; a farm only starts pilots.
"""
