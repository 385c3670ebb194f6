"""Random faults for as long as one likes, and then: does everything hold?"""
