"""Speed, as ratios of two things measured in turn in one run. Nothing here passes or fails."""
