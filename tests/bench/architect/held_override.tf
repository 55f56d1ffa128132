# What somebody might change in the package's Terraform: each rule of the firewall says why it is there, in words that are
# told to be secret. The state of Terraform keeps them in clear all the same.
resource "aws_vpc_security_group_ingress_rule" "https" {
  description = sensitive("HELD")
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  description = sensitive("HELD")
}
