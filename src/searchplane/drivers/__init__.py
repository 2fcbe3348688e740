"""Where nodes run. A driver makes, stops, removes and observes one node; it decides nothing."""
