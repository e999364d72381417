from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, which no test should fail for.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
